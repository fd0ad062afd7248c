-- the windows of `hop`, moved over the epoch: slices and windows end before it, at it and after it
-- input: trades = trades.jsonl
-- delay: 5
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts - 1704067230000, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
SELECT window_start, window_end, symbol, SUM(qty) AS volume, COUNT(qty) AS known, MAX(price) AS high FROM TABLE(HOP(TABLE trades, DESCRIPTOR(event_time), INTERVAL '5' SECOND, INTERVAL '15' SECOND))
GROUP BY symbol, window_start, window_end;
