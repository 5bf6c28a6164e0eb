// What of a turn's length is the machine's own: a loop that only reads clocks, which has no turn
// longer than a microsecond. `noise SECONDS` prints how often more than a millisecond passed in it,
// by the thread's own CPU clock, which on a virtual machine goes on while the host runs others.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define GAP_US 1000.0

static double us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
	double seconds = argc == 2 ? strtod(argv[1], NULL) : 0, longest = 0;
	double begun = us(CLOCK_MONOTONIC), wall = begun, cpu = us(CLOCK_THREAD_CPUTIME_ID);
	unsigned gaps = 0;

	if (!(seconds > 0) || seconds > 3600) {
		fprintf(stderr, "usage: noise SECONDS\n");
		return 2;
	}
	while (wall - begun < seconds * 1e6) {
		double now = us(CLOCK_MONOTONIC), cpu_now = us(CLOCK_THREAD_CPUTIME_ID);
		// No more than the turn itself took, as `show platform control` counts it.
		double gap = cpu_now - cpu < now - wall ? cpu_now - cpu : now - wall;

		gaps += gap > GAP_US;
		longest = gap > longest ? gap : longest;
		wall = now;
		cpu = cpu_now;
	}
	printf("this machine: in a loop that only reads clocks %u times more than 1 ms of CPU "
	       "passed "
	       "in %.0f s, at most %.0f us\n",
	       gaps, seconds, longest);
	return 0;
}
