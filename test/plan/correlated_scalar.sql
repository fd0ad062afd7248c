CREATE TABLE plain (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector'='kafka', 'topic'='plain', 'format'='json');
SELECT a.id, (SELECT SUM(v) FROM plain b WHERE b.k = a.k) FROM plain a;
