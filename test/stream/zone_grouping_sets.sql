-- GROUPING SETS within windows of a zone eight hours behind: bounds are local times, watermarks instants
-- input: trades = trades.jsonl
-- delay: 5
SET 'table.local-time-zone' = 'America/Los_Angeles';
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
SELECT window_start, window_end, symbol, side, GROUPING(symbol) AS without_symbol, COUNT(*) AS c, SUM(qty) AS volume
FROM TABLE(TUMBLE(TABLE trades, DESCRIPTOR(event_time), INTERVAL '20' SECOND))
GROUP BY window_start, window_end, GROUPING SETS ((symbol), (side), (symbol, side), ());
