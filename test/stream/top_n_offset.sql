-- places three to five of an updating aggregate
-- input: trades = trades.jsonl
-- delay: 5
-- key: price
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
SELECT price, c FROM (SELECT price, COUNT(*) AS c FROM trades GROUP BY price) AS prices ORDER BY c DESC, price LIMIT 3 OFFSET 2;
