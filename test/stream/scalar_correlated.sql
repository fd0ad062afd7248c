-- values of correlated sub-queries that change as rows arrive; of no rows COUNT is 0 and MAX is NULL
-- input: trades = trades.jsonl
-- input: more = more_trades.jsonl
-- delay: 5
-- key: a
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT) WITH (${trades});
CREATE TABLE more (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT) WITH (${more});
SELECT id AS a, symbol, price, (SELECT COUNT(*) FROM more AS m WHERE m.price = t.price) AS c, (SELECT MAX(m.qty) FROM more AS m WHERE m.symbol = t.symbol AND m.price = t.price) AS q
FROM trades AS t WHERE price >= (SELECT MIN(m.price) FROM more AS m WHERE m.symbol = t.symbol);
