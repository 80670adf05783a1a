-- Take leases, or renew them. ARGV: writer, milliseconds, keys. Answers with 1 or 0 for each: whether it is the writer's.
local answer = {}
for n = 3, #ARGV do
  local holder = redis.call('GET', ARGV[n])
  if holder and holder ~= ARGV[1] then
    answer[#answer + 1] = 0
  else
    redis.call('SET', ARGV[n], ARGV[1], 'PX', ARGV[2])
    answer[#answer + 1] = 1
  end
end
return answer
