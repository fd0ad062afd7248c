-- trades of two venues by the windows they share, in a zone eight hours behind: bounds are local times, watermarks instants
-- input: trades = trades.jsonl
-- input: more = more_trades.jsonl
-- delay: 5
SET 'table.local-time-zone' = 'America/Los_Angeles';
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
CREATE TABLE more (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${more});
SELECT COALESCE(a.window_start, b.window_start) AS window_start, COALESCE(a.symbol, b.symbol) AS symbol, a.c AS here, b.c AS there FROM
  (SELECT window_start, window_end, symbol, COUNT(*) AS c FROM TABLE(TUMBLE(TABLE trades, DESCRIPTOR(event_time), INTERVAL '10' SECOND)) GROUP BY symbol, window_start, window_end) AS a
  FULL JOIN
  (SELECT window_start, window_end, symbol, COUNT(*) AS c FROM TABLE(TUMBLE(TABLE more, DESCRIPTOR(event_time), INTERVAL '10' SECOND)) GROUP BY symbol, window_start, window_end) AS b
  ON a.window_start = b.window_start AND a.window_end = b.window_end AND a.symbol = b.symbol;
