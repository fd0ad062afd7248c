CREATE TABLE trades (
  symbol STRING, price DOUBLE, qty DOUBLE, ts BIGINT, side STRING,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), proc_time AS PROCTIME(),
  WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND
) WITH ('connector'='kafka', 'topic'='trades', 'format'='json');
CREATE TABLE lake.db.raw_trades (symbol STRING, price DOUBLE, qty DOUBLE, side STRING, event_time TIMESTAMP_LTZ(3)) WITH ('format-version'='2');
CREATE TABLE lake.db.agg_1m (
  window_start TIMESTAMP(3), window_end TIMESTAMP(3), symbol STRING, open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE,
  volume DOUBLE, trade_count BIGINT, PRIMARY KEY (symbol, window_start) NOT ENFORCED)
  WITH ('format-version'='2', 'write.upsert.enabled'='true');
SET 'parallelism.default' = '2';
EXECUTE STATEMENT SET BEGIN
  INSERT INTO lake.db.raw_trades SELECT symbol, price, qty, side, event_time FROM trades;
  INSERT INTO lake.db.agg_1m
    SELECT window_start, window_end, symbol, FIRST_VALUE(price), MAX(price), MIN(price), LAST_VALUE(price), SUM(qty), COUNT(*)
    FROM TABLE(TUMBLE(TABLE trades, DESCRIPTOR(event_time), INTERVAL '1' MINUTE))
    GROUP BY symbol, window_start, window_end;
END;
