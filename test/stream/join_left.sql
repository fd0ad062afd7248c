-- trades without a match stand alone until one comes
-- input: trades = trades.jsonl
-- input: more = more_trades.jsonl
-- delay: 5
-- key: a
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT) WITH (${trades});
CREATE TABLE more (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT) WITH (${more});
SELECT t.id AS a, MAX(t.symbol) AS symbol, COUNT(m.id) AS matches, SUM(m.qty) AS qty FROM trades AS t LEFT JOIN more AS m ON t.symbol = m.symbol AND t.price = m.price GROUP BY t.id;
