-- the same, for windows of one start
-- input: trades = late.jsonl
-- without: shuffled, batch: which rows are late goes by arrival, and in batch none is
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
SELECT window_start, window_end, symbol, COUNT(*) AS c, SUM(price) AS s FROM TABLE(CUMULATE(TABLE trades, DESCRIPTOR(event_time), INTERVAL '5' SECOND, INTERVAL '20' SECOND))
GROUP BY symbol, window_start, window_end;
