CREATE TABLE plain (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector'='kafka', 'topic'='plain', 'format'='json');
SELECT id, LAG(v) OVER (PARTITION BY k ORDER BY ts) AS s FROM plain;
