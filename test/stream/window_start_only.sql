-- GROUP BY window_start alone is an updating aggregate that keeps late rows
-- input: trades = late.jsonl
-- without: shuffled, batch: which rows are late goes by arrival, and in batch none is
-- key: window_start
-- changelog
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
SELECT window_start, COUNT(*) AS c, SUM(price) AS s FROM TABLE(TUMBLE(TABLE trades, DESCRIPTOR(event_time), INTERVAL '10' SECOND)) GROUP BY window_start;
