-- probe: a view over * keeps the columns of its creation time
CREATE TABLE w (a INT) WITH ('connector'='datagen','number-of-rows'='1','fields.a.kind'='sequence','fields.a.start'='7','fields.a.end'='7');
CREATE VIEW v (x) AS SELECT * FROM w;
CREATE VIEW v2 AS SELECT * FROM (SELECT * FROM w) AS i;
CREATE VIEW v3 (x) AS SELECT w.* FROM w;
ALTER TABLE w ADD (b INT);
SELECT v.x, v2.*, v3.x FROM v CROSS JOIN v2 CROSS JOIN v3;
