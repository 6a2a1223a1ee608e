"""The only room that touches time, sleep, chance and tasks.

In: ports and domain errors; a start time, a speed, a `random.Random` where one is needed.
Out: the three clocks of the Clock port (system, lockstep, paced), the supervisor of tasks, retry
policies for reads, rate limits, id generators, measurements.
Invariants: nothing happens at import; every wait is on a Clock, so that virtual time can move it;
`CancelledError` always leaves; on a lockstep clock the same tasks wake in the same order each time.
"""
