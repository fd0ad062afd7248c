-- more rows than a batch holds: windows close within batches
-- input: trades = generated 20000
-- delay: 5
-- without: single: a request a record takes long
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
SELECT window_start, window_end, COUNT(*) AS c, COUNT(DISTINCT symbol) AS symbols, SUM(qty) AS volume, MAX(price) AS high
  FROM TABLE(HOP(TABLE trades, DESCRIPTOR(event_time), INTERVAL '1' MINUTE, INTERVAL '5' MINUTE)) GROUP BY window_start, window_end;
