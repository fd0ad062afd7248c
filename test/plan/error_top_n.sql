CREATE TABLE plain (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector'='kafka', 'topic'='plain', 'format'='json');
SELECT * FROM (SELECT id, v, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v DESC) AS rn FROM plain) WHERE rn <= 3;
