CREATE TABLE plain (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector'='kafka', 'topic'='plain', 'format'='json');
SELECT a.id, EXISTS (SELECT * FROM plain b WHERE b.k = a.k) AS `known`, EXISTS (SELECT k FROM plain GROUP BY k) AS `any` FROM plain a WHERE a.v > 1 OR NOT EXISTS (SELECT 1 FROM plain c WHERE c.id = a.v);
