-- sessions over more rows than a batch holds
-- input: trades = generated 20000
-- delay: 5
-- key: symbol
-- without: single, batch: a request a record takes long; there are no sessions in batch
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
SELECT symbol, COUNT(*) AS sessions, SUM(c) AS trades, MAX(c) AS longest FROM (
  SELECT symbol, window_start, window_end, COUNT(*) AS c FROM TABLE(SESSION(TABLE trades PARTITION BY symbol, DESCRIPTOR(event_time), INTERVAL '4' SECOND))
  GROUP BY symbol, window_start, window_end) AS sessions GROUP BY symbol;
