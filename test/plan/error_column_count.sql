CREATE TABLE plain (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector'='kafka', 'topic'='plain', 'format'='json');
CREATE TABLE lake.db.t (a INT, b INT) WITH ('format-version'='2');
INSERT INTO lake.db.t SELECT id FROM plain;
