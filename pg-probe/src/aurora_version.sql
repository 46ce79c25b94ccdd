-- Aurora's own version, for servers that have the function.
select aurora_version()
