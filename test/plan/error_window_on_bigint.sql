CREATE TABLE trades (
  symbol STRING, price DOUBLE, qty DOUBLE, ts BIGINT, side STRING,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), proc_time AS PROCTIME(),
  WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND
) WITH ('connector'='kafka', 'topic'='trades', 'format'='json');
SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE trades, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;
