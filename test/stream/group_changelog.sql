-- an updating GROUP BY: the changes of each row, then the rows of an upsert table
-- input: trades = trades.jsonl
-- delay: 5
-- key: symbol
-- changelog
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
SELECT symbol, COUNT(*) AS c, SUM(qty) AS volume, MAX(price) AS high, COUNT(DISTINCT side) AS sides, COUNT(*) FILTER (WHERE side = 'sell') AS sells
FROM trades WHERE symbol IS NOT NULL GROUP BY symbol;
