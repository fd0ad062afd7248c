-- INTERSECT ALL and EXCEPT ALL of streams that grow, counted by value
-- input: trades = trades.jsonl
-- input: more = more_trades.jsonl
-- delay: 5
-- key: symbol, side, kind
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT) WITH (${trades});
CREATE TABLE more (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT) WITH (${more});
SELECT symbol, side, 'both' AS kind, COUNT(*) AS c FROM (SELECT symbol, side FROM trades INTERSECT ALL SELECT symbol, side FROM more) AS b GROUP BY symbol, side
UNION ALL
SELECT symbol, side, 'less' AS kind, COUNT(*) AS c FROM (SELECT symbol, side FROM trades EXCEPT ALL SELECT symbol, side FROM more) AS l GROUP BY symbol, side;
