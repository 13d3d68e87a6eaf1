/**
 * Jobs that take their turn, one at a time.
 *
 * Whatever holds up one holds up all: a key that is missing, or a service that asks to wait.
 */

export class Queue {
  #jobs = [];
  #attempt;
  #show;
  #working = false;
  #held = false;
  #notBefore = 0;

  /**
   * @param attempt Does a job; may hold or delay the queue, and put the job back.
   * @param show Called with a job and the words for why it waits.
   */
  constructor(attempt, show) {
    this.#attempt = attempt;
    this.#show = show;
  }

  get length() {
    return this.#jobs.length;
  }

  get isHeld() {
    return this.#held;
  }

  /**
   * Put a job at the end, or before all others.
   */
  add(job, { first = false } = {}) {
    if (first) this.#jobs.unshift(job);
    else this.#jobs.push(job);
    this.#show(job, this.#held ? 'Waiting for a key' : 'Waiting for its turn');
    this.#work();
  }

  /**
   * Take a job out that has not begun.
   */
  remove(job) {
    this.#jobs = this.#jobs.filter((one) => one !== job);
  }

  /**
   * Begin no job until `release` is called.
   */
  hold() {
    this.#held = true;
    this.#jobs.forEach((job) => this.#show(job, 'Waiting for a key'));
  }

  release() {
    this.#held = false;
    this.#work();
  }

  /**
   * Begin no job for some seconds.
   */
  delay(seconds) {
    this.#notBefore = Date.now() + seconds * 1000;
  }

  async #work() {
    if (this.#working) return;
    this.#working = true;
    while (this.#jobs.length > 0 && !this.#held) {
      const wait = this.#notBefore - Date.now();
      if (wait > 0) {
        this.#jobs.forEach((job) => this.#show(job, 'Waiting, as the service asked'));
        await new Promise((resolve) => setTimeout(resolve, wait));
      } else {
        await this.#attempt(this.#jobs.shift());
      }
    }
    this.#working = false;
  }
}
