-- lists and spreads within windows, grouped in sets
-- input: trades = trades.jsonl
-- delay: 5
-- without: shuffled: a list is in the order of arrival
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
SELECT window_start, window_end, symbol, GROUPING_ID(symbol) AS g, LISTAGG(side, '/') AS sides, ARRAY_AGG(price) AS prices, FIRST_VALUE(price) AS f, LAST_VALUE(price) AS l,
  STDDEV_POP(qty) AS deviation, VAR_SAMP(CAST(price AS BIGINT)) AS variance, COUNT(DISTINCT side) FILTER (WHERE qty > 1) AS c,
  FIRST_VALUE(ARRAY[price, qty]) AS nested_f, LAST_VALUE(MAP[side, ARRAY[id]]) AS nested_l
FROM TABLE(TUMBLE(TABLE trades, DESCRIPTOR(event_time), INTERVAL '20' SECOND)) GROUP BY window_start, window_end, ROLLUP (symbol);
