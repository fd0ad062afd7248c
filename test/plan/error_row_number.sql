CREATE TABLE plain (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector'='kafka', 'topic'='plain', 'format'='json');
SELECT id, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v) AS rn FROM plain;
