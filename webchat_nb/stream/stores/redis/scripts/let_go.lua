-- Give leases back. ARGV: writer, keys. Those of another writer stay.
for n = 2, #ARGV do
  if redis.call('GET', ARGV[n]) == ARGV[1] then
    redis.call('DEL', ARGV[n])
  end
end
return 1
