-- counts of counts: updates and deletes go through a second GROUP BY
-- input: trades = trades.jsonl
-- delay: 5
-- key: c
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
SELECT c, COUNT(*) AS symbols, SUM(volume) AS volume FROM (SELECT price, COUNT(*) AS c, SUM(qty) AS volume FROM trades GROUP BY price) AS prices GROUP BY c;
