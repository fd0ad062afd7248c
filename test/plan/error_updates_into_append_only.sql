CREATE TABLE plain (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector'='kafka', 'topic'='plain', 'format'='json');
CREATE TABLE lake.db.t (k STRING, c BIGINT) WITH ('format-version'='2');
INSERT INTO lake.db.t SELECT k, COUNT(*) FROM plain GROUP BY k;
