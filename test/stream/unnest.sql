-- UNNEST of what each record has, into windows; rows without elements stay with LEFT JOIN
-- input: trades = trades.jsonl
-- delay: 5
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
CREATE VIEW legs AS SELECT side, event_time, leg.name, leg.amount, place
FROM (SELECT *, CASE WHEN qty > 1 THEN ARRAY[ROW(symbol, qty), ROW('USD', -price * qty)] END AS parts FROM trades) AS t
LEFT JOIN UNNEST(t.parts) WITH ORDINALITY AS leg (name, amount, place) ON TRUE;
SELECT window_start, window_end, name, COUNT(*) AS c, COUNT(DISTINCT side) AS sides, SUM(amount) AS amount, MAX(place) AS place
FROM TABLE(TUMBLE(TABLE legs, DESCRIPTOR(event_time), INTERVAL '20' SECOND))
GROUP BY window_start, window_end, name;
