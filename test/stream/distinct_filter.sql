-- DISTINCT and FILTER in windows that share slices
-- input: trades = trades.jsonl
-- delay: 5
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
SELECT window_start, window_end, COUNT(DISTINCT symbol) AS symbols, SUM(DISTINCT qty) AS sizes, COUNT(*) FILTER (WHERE side = 'buy') AS buys,
  COUNT(DISTINCT symbol) FILTER (WHERE price > 110) AS dear, MIN(price) FILTER (WHERE qty IS NULL) AS unsized
FROM TABLE(HOP(TABLE trades, DESCRIPTOR(event_time), INTERVAL '10' SECOND, INTERVAL '20' SECOND)) GROUP BY window_start, window_end;
