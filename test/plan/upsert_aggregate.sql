CREATE TABLE plain (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector'='kafka', 'topic'='plain', 'format'='json');
CREATE TABLE counts (k STRING, c BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector'='upsert-kafka', 'topic'='c', 'format'='json');
SET 'parallelism.default' = '2';
INSERT INTO counts SELECT k, COUNT(*) FROM plain GROUP BY k;
