-- windows that grow by five seconds up to twenty
-- input: trades = trades.jsonl
-- delay: 5
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
SELECT window_start, window_end, symbol, SUM(qty) AS volume, COUNT(*) AS c FROM TABLE(CUMULATE(TABLE trades, DESCRIPTOR(event_time), INTERVAL '5' SECOND, INTERVAL '20' SECOND))
GROUP BY symbol, window_start, window_end;
