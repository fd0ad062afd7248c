-- windows that begin 3 s after the full ten; only the bounds are grouped by
-- input: trades = trades.jsonl
-- delay: 5
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
SELECT window_start, window_end, window_time, COUNT(*) AS c, AVG(price) AS mean FROM TABLE(TUMBLE(TABLE trades, DESCRIPTOR(event_time), INTERVAL '10' SECOND, INTERVAL '3' SECOND))
GROUP BY window_start, window_end, window_time;
