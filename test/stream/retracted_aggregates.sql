-- aggregates that must forget values they have taken, over groups whose values change with each row; of lists the length, their order is that of arrival
-- input: trades = trades.jsonl
-- delay: 5
-- key: side
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
SELECT side, MIN(high) AS low, MAX(high) AS high, CHAR_LENGTH(LISTAGG(symbol, '+')) AS symbols, CARDINALITY(ARRAY_AGG(c)) AS n, COUNT(DISTINCT c) FILTER (WHERE c > 3) AS counts, SUM(c) AS trades,
  AVG(high) AS average, STDDEV_POP(high) AS deviation, VAR_SAMP(c) AS variance
FROM (SELECT symbol, side, COUNT(*) AS c, MAX(price) AS high FROM trades WHERE symbol IS NOT NULL GROUP BY symbol, side) AS sides GROUP BY side;
