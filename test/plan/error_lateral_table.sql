CREATE TABLE plain (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector'='kafka', 'topic'='plain', 'format'='json');
SELECT p.id, s.word FROM plain AS p, LATERAL TABLE(explode(k)) AS s (word);
