-- windows of windows: ten seconds, then thirty, by window_time
-- input: trades = trades.jsonl
-- delay: 5
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
CREATE VIEW tens AS SELECT window_time AS rowtime, symbol, SUM(qty) AS volume, COUNT(*) AS c
  FROM TABLE(TUMBLE(TABLE trades, DESCRIPTOR(event_time), INTERVAL '10' SECOND)) GROUP BY symbol, window_start, window_end, window_time;
SELECT window_start, window_end, symbol, SUM(volume) AS volume, MAX(c) AS busiest FROM TABLE(TUMBLE(TABLE tens, DESCRIPTOR(rowtime), INTERVAL '30' SECOND))
GROUP BY symbol, window_start, window_end;
