SET 'parallelism.default' = 'many'; SELECT 1;
