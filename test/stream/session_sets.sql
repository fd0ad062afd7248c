-- GROUPING SETS over sessions: of all rows together, and a filter between
-- input: trades = trades.jsonl
-- delay: 5
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
SELECT window_start, window_end, symbol, side, COUNT(*) AS c, SUM(qty) AS volume
FROM TABLE(SESSION(TABLE trades, DESCRIPTOR(event_time), INTERVAL '1' SECOND))
WHERE price > 101
GROUP BY window_start, window_end, GROUPING SETS ((symbol), (side), ());
