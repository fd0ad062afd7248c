-- OHLCV by symbol: FIRST and LAST by arrival, NULL symbols and quantities among the rows
-- input: trades = trades.jsonl
-- delay: 5
-- without: shuffled: the first and the last go by arrival
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
SELECT window_start, window_end, symbol, FIRST_VALUE(price) AS `open`, MAX(price) AS high, MIN(price) AS low, LAST_VALUE(price) AS `close`, SUM(qty) AS volume, COUNT(*) AS trades
FROM TABLE(TUMBLE(TABLE trades, DESCRIPTOR(event_time), INTERVAL '10' SECOND))
GROUP BY symbol, window_start, window_end;
