-- ORDER BY ... LIMIT: the dearest trades so far, and how they come and go
-- input: trades = trades.jsonl
-- delay: 5
-- key: id
-- changelog
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
SELECT price, symbol, id FROM trades ORDER BY price DESC, symbol, id LIMIT 4;
