-- ORDER BY of a stream by its event time
-- input: trades = trades.jsonl
-- delay: 5
-- changelog
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
SELECT event_time, id, symbol FROM trades ORDER BY event_time, id DESC;
