-- two topics joined by symbol and a condition besides
-- input: trades = trades.jsonl
-- input: more = more_trades.jsonl
-- delay: 5
-- key: a, b
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT) WITH (${trades});
CREATE TABLE more (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT) WITH (${more});
SELECT t.id AS a, m.id AS b, t.symbol, t.price - m.price AS spread FROM trades AS t JOIN more AS m ON t.symbol = m.symbol AND t.side = m.side AND t.price > m.price + 10;
