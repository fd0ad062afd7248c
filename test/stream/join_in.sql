-- IN and NOT EXISTS over a stream that grows
-- input: trades = trades.jsonl
-- input: more = more_trades.jsonl
-- delay: 5
-- key: a
CREATE TABLE trades (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT) WITH (${trades});
CREATE TABLE more (id INT, symbol STRING, price INT, qty INT, side STRING, ts BIGINT) WITH (${more});
SELECT id AS a, symbol, price FROM trades AS t WHERE price IN (SELECT price FROM more) AND NOT EXISTS (SELECT 1 FROM more AS m WHERE m.symbol = t.symbol AND m.price = t.price);
