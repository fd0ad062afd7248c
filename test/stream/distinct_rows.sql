-- SELECT DISTINCT of a stream
-- input: trades = trades.jsonl
-- delay: 5
-- key: price, side
-- changelog
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
SELECT DISTINCT price, side FROM trades WHERE symbol <> 'SOL';
