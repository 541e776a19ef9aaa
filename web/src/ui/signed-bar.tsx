/** @file A bar from the middle: right and blue toward the answer, left and orange against it. */

/** `share` in [−1, 1]. */
export const SignedBar = ({ share }: { share: number }) => (
  <span className="signed" aria-hidden="true">
    <span
      style={{
        width: `${Math.abs(share) * 50}%`,
        left: share >= 0 ? '50%' : `${50 - Math.abs(share) * 50}%`,
        background: share >= 0 ? 'var(--towards)' : 'var(--against)',
      }}
    />
  </span>
);
