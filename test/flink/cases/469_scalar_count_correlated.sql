-- probe: COUNT of no rows for a row in streaming mode
CREATE TABLE t (id INT) WITH ('connector'='datagen','number-of-rows'='2','fields.id.kind'='sequence','fields.id.start'='1','fields.id.end'='2');
CREATE TABLE u (x INT) WITH ('connector'='datagen','number-of-rows'='2','fields.x.kind'='sequence','fields.x.start'='3','fields.x.end'='4');
SELECT id, (SELECT COUNT(*) FROM u WHERE u.x = t.id) AS n, (SELECT SUM(x) FROM u WHERE u.x = t.id) AS s, (SELECT COUNT(*) + 1 FROM u WHERE u.x = t.id) AS m FROM t;
