-- two topics in one relation: its watermark is the smaller of theirs
-- input: trades = trades.jsonl
-- input: more_trades = more_trades.jsonl
-- delay: 5
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${trades});
CREATE TABLE more_trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH (${more_trades});
CREATE VIEW both_topics AS SELECT symbol, qty, event_time FROM trades UNION ALL SELECT symbol, qty, event_time FROM more_trades;
SELECT window_start, window_end, symbol, COUNT(*) AS c, SUM(qty) AS volume FROM TABLE(TUMBLE(
  TABLE both_topics, DESCRIPTOR(event_time), INTERVAL '10' SECOND))
GROUP BY symbol, window_start, window_end;
