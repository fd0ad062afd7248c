-- group windows of the old kind, with HAVING
-- input: trades = trades.jsonl
-- delay: 5
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
SELECT TUMBLE_START(event_time, INTERVAL '15' SECOND) AS ws, TUMBLE_ROWTIME(event_time, INTERVAL '15' SECOND) AS rt, side, COUNT(*) AS c, SUM(qty) AS volume
FROM trades GROUP BY side, TUMBLE(event_time, INTERVAL '15' SECOND) HAVING COUNT(*) > 1;
