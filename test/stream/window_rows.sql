-- a window function alone: every row, the late ones too, with its windows
-- input: trades = late.jsonl
-- without: shuffled, batch: which rows are late goes by arrival, and in batch none is
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
SELECT id, symbol, window_start, window_end, window_time FROM TABLE(HOP(TABLE trades, DESCRIPTOR(event_time), INTERVAL '5' SECOND, INTERVAL '10' SECOND));
