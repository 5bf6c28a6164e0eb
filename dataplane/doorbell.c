// The doorbell's system calls; see the header. [any]
#include "doorbell.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

int doorbell_init(struct doorbell *d)
{
	d->asleep = 0;
	d->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return d->fd < 0 ? -errno : 0;
}

void doorbell_fini(struct doorbell *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

void doorbell_wake(struct doorbell *d)
{
	const uint64_t one = 1;

	// Full (2^64 - 2 rings): it is readable all the same.
	if (write(d->fd, &one, sizeof(one)) < 0)
		return;
}

bool doorbell_answer(struct doorbell *d)
{
	uint64_t rings;

	return read(d->fd, &rings, sizeof(rings)) == sizeof(rings);
}
