-- one topic in three partitions: rows that are late in none of them
-- input: trades = trades.jsonl
-- delay: 5
-- partitions: trades = 3
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
SELECT window_start, window_end, symbol, COUNT(*) AS c, SUM(qty) AS volume FROM TABLE(TUMBLE(TABLE trades, DESCRIPTOR(event_time), INTERVAL '10' SECOND))
GROUP BY symbol, window_start, window_end;
