// For the tests of virtual devices: EAL starts once in a process, so each test has one of its own.
#ifndef VIGIL_TESTS_DATAPLANE_VDEV_H
#define VIGIL_TESTS_DATAPLANE_VDEV_H

#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "dp_internal.h"

// A child exits with it: it may not do what the test needs.
#define SKIPPED 77

// A gateway of one port, whose workers are not running yet.
static inline struct dp *prepare(const char *device, unsigned workers, bool adaptive)
{
	static const unsigned cpus[4];
	struct dp_port_config port = {.name = "eth0"};
	const struct dp_config config = {.ports = &port,
	                                 .n_ports = 1,
	                                 .worker_cpus = cpus,
	                                 .n_workers = workers,
	                                 .memory_mb = 192,
	                                 .idle_adaptive = adaptive,
	                                 .max_peers = 8,
	                                 .max_tunnels = 8,
	                                 .max_sas = 16,
	                                 .max_ike_sas = 8};
	char err[256];
	struct dp *dp;

	snprintf(port.device, sizeof(port.device), "%s", device);
	dp = dp_prepare(&config, NULL, err, sizeof(err));
	if (!dp) {
		fprintf(stderr, "%s\n", err);
		exit(1);
	}
	return dp;
}

static inline bool run(const char *command)
{
	return system(command) == 0;
}

// For what comes in and goes out by an interface of the kernel.
static inline int open_socket(const char *name)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = 0x0300};
	int fd = socket(AF_PACKET, SOCK_RAW, 0x0300); // ETH_P_ALL, network order

	to.sll_ifindex = (int)if_nametoindex(name);
	return fd >= 0 && bind(fd, (struct sockaddr *)&to, sizeof(to)) == 0 ? fd : -1;
}

// The test is what the child says: 0 = good.
static inline void in_a_process(int (*child)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(2, 1); // keeps the TAP stream clean
		_exit(child());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

#endif
